/**
 * Values of `format` as regular expressions over the whole string. Each accepts only what its RFC does, and may leave out
 * rare spellings of it: an answer is written, and need not be all that could have been.
 */
const DATE =
  "\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))" +
  "|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29";
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = `${LABEL}(?:\\.${LABEL}){0,3}`;
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const H16 = "[0-9a-fA-F]{1,4}";
const IPV6 = [
  `(?:${H16}:){7}${H16}`,
  `::(?:${H16}(?::${H16}){0,6})?`,
  ...[1, 2, 3, 4, 5, 6].map((n) => `${H16}(?::${H16}){${n - 1}}::(?:${H16}(?::${H16}){0,${6 - n}})?`),
].join("|");
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const URI_PART = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*";
const POINTER = "(?:/(?:[^/~]|~[01])*)*";
const DAY_PARTS = "\\d{1,9}(?:D|M(?:\\d{1,9}D)?|Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?)";
const TIME_PARTS = "T\\d{1,9}(?:S|M(?:\\d{1,9}S)?|H(?:\\d{1,9}M(?:\\d{1,9}S)?)?)";

export const FORMATS: ReadonlyMap<string, string> = new Map([
  ["date-time", `(?:${DATE})[Tt]${TIME}`],
  ["date", DATE],
  ["time", TIME],
  ["duration", `P(?:\\d{1,9}W|${DAY_PARTS}(?:${TIME_PARTS})?|${TIME_PARTS})`],
  ["email", `${ATOM}(?:\\.${ATOM}){0,7}@${HOST}`],
  ["hostname", HOST],
  ["ipv4", IPV4],
  ["ipv6", IPV6],
  ["uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"],
  [
    "uri",
    `[A-Za-z][A-Za-z0-9+.-]*:(?://${HOST}(?::\\d{1,5})?(?:/${URI_PART})?|[A-Za-z0-9]${URI_PART})(?:\\?${URI_PART})?(?:#${URI_PART})?`,
  ],
  ["json-pointer", POINTER],
  ["relative-json-pointer", `(?:0|[1-9]\\d{0,8})(?:#|${POINTER})`],
]);
