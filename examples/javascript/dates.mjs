// Dates and times as cells write them, and their parts: section 2.4 of FORMAT.md.

const MONTHS = "january february march april may june july august september october november december".split(" ");
const TIME =
  "(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?)?" +
  "(?: ?(?<half>[AaPp])\\.?[Mm]\\.?)?(?: ?(?<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?";
const REST = `(?:(?:[Tt]|,? )${TIME})?`;
const D = "(?<day>[0-9]{1,2})";
const M = "(?<month>[0-9]{1,2})";
const Y = "(?<year>[0-9]{4}|[0-9]{2})";
const NAME = "(?<name>[A-Za-z]{3,9})\\.?";
const S = "(?<sign>[-/.])";
const ISO = `(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})${REST}`;
const whole = (text) => new RegExp(`^(?:${text})$`);
const PATTERNS = {
  ymd: [
    ISO,
    `(?<year>[0-9]{4})${S}${M}\\k<sign>${D}${REST}`,
    `(?<year>[0-9]{4})(?<month>[0-9]{2})(?<day>[0-9]{2})(?:[Tt]${TIME})?`,
  ].map(whole),
  dmy: [ISO, `${D}${S}${M}\\k<sign>${Y}${REST}`, `${D}\\.?[- ]${NAME}[- ,] ?${Y}${REST}`].map(whole),
  mdy: [ISO, `${M}${S}${D}\\k<sign>${Y}${REST}`, `${NAME} ${D},? ${Y}${REST}`].map(whole),
  time: [whole(TIME)],
};
const DAY = 86400;

export const DATE_PATTERNS = Object.keys(PATTERNS);

/** Seconds since 1970 that a trimmed text says under a column's pattern, undefined if it is no date. */
export function secondsOfText(text, pattern) {
  for (const expression of PATTERNS[pattern]) {
    const field = expression.exec(text)?.groups;
    if (!field) continue;
    const days = field.year === undefined ? 0 : dayOf(field);
    const seconds = timeOfDay(field);
    if (days === undefined || seconds === undefined) return undefined;
    return DAY * days + seconds + (field.fraction ? Number(`0.${field.fraction}`) : 0);
  }
  return undefined;
}

/** The day since 1970-01-01, undefined if there is no such day. */
function dayOf({ year, month, day, name }) {
  let y = Number(year);
  if (year.length === 2) y += y < 69 ? 2000 : 1900;
  const word = name?.toLowerCase();
  const m = name
    ? MONTHS.findIndex((full) => [full, full.slice(0, 3), full.slice(0, 4)].includes(word)) + 1
    : Number(month);
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, Number(day)); // Date.UTC takes years below 100 for those of the last century
  const isThere = date.getUTCMonth() === m - 1 && date.getUTCDate() === Number(day) && y > 0 && m > 0;
  return isThere ? Math.round(date.getTime() / (1000 * DAY)) : undefined;
}

/** Whole seconds since midnight, of UTC where an offset is named; undefined if there is no such time. */
function timeOfDay({ hour, minute = "0", second = "0", fraction = "0", half, zone = "Z" }) {
  if (hour === undefined) return 0;
  let [h, m, s] = [hour, minute, second].map(Number);
  if (half) {
    if (h < 1 || h > 12) return undefined;
    h = (h % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  }
  if (h > 24 || m > 59 || s > 60 || (h === 24 && (m || s || Number(fraction)))) return undefined;
  const digits = zone.replace(/[^0-9]/g, "").padEnd(4, "0");
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 23 || minutes > 59) return undefined;
  return h * 3600 + m * 60 + s - (hours * 3600 + minutes * 60) * (zone[0] === "-" ? -1 : 1);
}

/** A number from the seconds of a date: `days`, `month`, `weekday` (Monday is 0) or `hour`. */
export function datePart(seconds, part) {
  if (part === "days") return seconds / DAY;
  const day = Math.floor(seconds / DAY);
  if (part === "weekday") return (((day + 3) % 7) + 7) % 7;
  if (part === "hour") return (seconds - DAY * day) / 3600;
  return new Date(1000 * DAY * day).getUTCMonth() + 1;
}
