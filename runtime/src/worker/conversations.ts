/** What few pages need at once: chat.completions, sessions, decisions and memories. One part, as parts that share code cost more. */
export { createCompletion } from "../chat/completion";
export { openMemories } from "../memory/open";
export { open } from "../sessions/open";
