/** Building DOM without innerHTML: text stays text, whoever wrote it. */

type Child = Node | string | null | false | undefined;
type Attributes = Readonly<Record<string, string | boolean | null | ((event: Event) => void)>>;

/** `h("button", {class: "primary", onclick: stop}, "Stop")`. Null and false leave an attribute or a child out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  element.append(
    ...children.filter((child): child is Node | string => child !== null && child !== false && child !== undefined),
  );
  return element;
}

export function byId<E extends HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`This page has no element #${id}.`);
  return element as E;
}
