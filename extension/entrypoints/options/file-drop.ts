/** Files that are chosen in the field, or dropped anywhere on the page. */

export function listenForFiles(zone: HTMLElement, field: HTMLInputElement, onFile: (file: File) => void): void {
  const take = (files: FileList | null | undefined): void => {
    for (const file of files ?? []) onFile(file);
  };
  field.addEventListener("change", () => {
    take(field.files);
    field.value = ""; // the same file may be chosen again
  });
  // Without this the browser leaves the page to show a file that missed the zone.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.toggleAttribute("data-over", event.dataTransfer?.types.includes("Files") ?? false);
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) zone.removeAttribute("data-over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.removeAttribute("data-over");
    take(event.dataTransfer?.files);
  });
}
