const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '\\d\\d:\\d\\d:\\d\\d';
const IMF_FIXDATE = new RegExp(`^${DAY}, \\d\\d ${MONTH} \\d{4} ${TIME} GMT$`);
const RFC_850 = new RegExp(`^${LONG_DAY}, (\\d\\d)-(${MONTH})-(\\d\\d) (${TIME}) GMT$`);
const ASCTIME = new RegExp(`^${DAY} (${MONTH}) ([ \\d]\\d) (${TIME}) (\\d{4})$`);

/** Milliseconds since 1970 of an HTTP-date in any of its three forms (RFC 9110, section 5.6.7); null for anything else. */
export function parseHttpDate(text: string, nowMs: number): number | null {
  const date = text.trim();
  let ms = Number.NaN;
  if (IMF_FIXDATE.test(date)) ms = Date.parse(date);
  const short = RFC_850.exec(date);
  if (short !== null)
    ms = Date.parse(`${short[1]} ${short[2]} ${fullYear(Number(short[3]), nowMs)} ${short[4]} GMT`);
  const asctime = ASCTIME.exec(date);
  if (asctime !== null) ms = Date.parse(`${asctime[2]} ${asctime[1]} ${asctime[4]} ${asctime[3]} GMT`);
  return Number.isNaN(ms) ? null : ms;
}

/** The year of two digits that lies at most 50 years ahead, as the RFC says. */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

/** A time as an HTTP-date; the fraction of its second is dropped. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

let currentDate = '';
let currentSecond = Number.NaN;

/** Now, as an HTTP-date; made once a second. */
export function httpDateNow(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1000);
  if (second !== currentSecond) {
    currentSecond = second;
    currentDate = formatHttpDate(nowMs);
  }
  return currentDate;
}
