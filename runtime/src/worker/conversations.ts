/** What few pages need at once: chat.completions, sessions and decisions. One part, as parts that share code cost more. */
export { createCompletion } from "../chat/completion";
export { open } from "../sessions/open";
