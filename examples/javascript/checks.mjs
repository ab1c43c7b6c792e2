// Checks of what a file says, with messages for people.

export function isOf(value, type, what) {
  const isRight = typeof value === type && value !== null && !Array.isArray(value);
  check(isRight, `${what} must be of type ${type}, however: ${quoted(value)}`);
  return value;
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

export function quoted(value) {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const json = String(JSON.stringify(value));
  return json.length <= 80 ? json : `${json.slice(0, 80)}...`;
}
