const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

let lastGood = "";

/** True for an RFC 3339 date-time: full date, `T`, seconds, and a zone. Leap seconds and any number of decimals are allowed. */
export function isTimestamp(text: string): boolean {
  // Events of one millisecond share their time text, so the last good one is remembered.
  if (text === lastGood) return true;
  if (!isDateTime(text)) return false;
  lastGood = text;
  return true;
}

function isDateTime(text: string): boolean {
  if (text.length < 20 || text[4] !== "-" || text[7] !== "-" || text[13] !== ":" || text[16] !== ":") return false;
  if (text[10] !== "T" && text[10] !== "t") return false;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]!) return false;
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0))) return false;
  if (!within(text, 11, 23) || !within(text, 14, 59) || !within(text, 17, 60)) return false;
  const zone = text[19] === "." ? endOfDigits(text, 20) : 19;
  if (zone === 20) return false;
  const sign = text[zone];
  if (sign === "Z" || sign === "z") return text.length === zone + 1;
  if (sign !== "+" && sign !== "-") return false;
  return text.length === zone + 6 && text[zone + 3] === ":" && within(text, zone + 1, 23) && within(text, zone + 4, 59);
}

function within(text: string, at: number, max: number): boolean {
  const value = digits(text, at, 2);
  return value >= 0 && value <= max;
}

/** The number that `length` digits at `at` are; -1 where one is no digit. */
function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++;
  return at;
}
