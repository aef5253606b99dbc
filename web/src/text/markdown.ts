/** Model output to safe HTML. */
import DOMPurify from "dompurify";
import { marked } from "marked";

/**
 * What a model writes is untrusted: nothing in it may run, load or send. Images are left out too, because fetching
 * one would carry whatever the model put into its address to another host.
 */
const ALLOWED_TAGS = [
  ..."p br hr strong em del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6".split(" "),
  ..."table thead tbody tr th td a sup sub".split(" "),
];

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
});

export function markdownToHtml(text: string): string {
  const html = marked.parse(text, { async: false, gfm: true, breaks: true });
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ["href", "title", "start", "align", "target", "rel"],
    ALLOWED_URI_REGEXP: /^https?:\/\//i,
  });
}
