/** Python's strftime in the C locale, local time; a directive that is not known stays as it is. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");
/** Directives that are other directives. */
const SHORT: Readonly<Record<string, string>> = {
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  T: "%H:%M:%S",
  X: "%H:%M:%S",
  c: "%a %b %e %H:%M:%S %Y",
  h: "%b",
  r: "%I:%M:%S %p",
  x: "%m/%d/%y",
};

export function strftime(date: Date, format: string): string {
  const dayOfYear = Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
  );
  const weekday = date.getDay();
  const hour12 = date.getHours() % 12 || 12;
  const values: Readonly<Record<string, string | readonly [number, number, string?]>> = {
    A: DAYS[weekday]!,
    B: MONTHS[date.getMonth()]!,
    H: [date.getHours(), 2],
    I: [hour12, 2],
    M: [date.getMinutes(), 2],
    S: [date.getSeconds(), 2],
    U: [Math.floor((dayOfYear + 7 - weekday) / 7), 2],
    W: [Math.floor((dayOfYear + 7 - ((weekday + 6) % 7)) / 7), 2],
    Y: [date.getFullYear(), 1],
    a: DAYS[weekday]!.slice(0, 3),
    b: MONTHS[date.getMonth()]!.slice(0, 3),
    d: [date.getDate(), 2],
    e: [date.getDate(), 2, " "],
    f: [date.getMilliseconds() * 1000, 6],
    j: [dayOfYear + 1, 3],
    k: [date.getHours(), 2, " "],
    l: [hour12, 2, " "],
    m: [date.getMonth() + 1, 2],
    n: "\n",
    p: date.getHours() < 12 ? "AM" : "PM",
    s: [Math.floor(date.getTime() / 1000), 1],
    t: "\t",
    u: [weekday || 7, 1],
    w: [weekday, 1],
    y: [date.getFullYear() % 100, 2],
    Z: "",
    z: "",
    "%": "%",
  };
  return format.replace(/%([-_0]?)([A-Za-z%])/g, (directive, flag: string, letter: string) => {
    if (Object.hasOwn(SHORT, letter)) return strftime(date, SHORT[letter]!);
    const value = Object.hasOwn(values, letter) ? values[letter]! : directive;
    if (typeof value === "string") return value;
    const [number, digits, fill = "0"] = value;
    return String(number).padStart(flag === "-" ? 1 : digits, flag === "_" ? " " : flag === "0" ? "0" : fill);
  });
}
