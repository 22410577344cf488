/** Longest wait that a request may ask for: below the idle timeouts of proxies on the way. */
const MAX_WAIT_SECONDS = 60;

/** Milliseconds that `Prefer: wait=<seconds>` asks to wait (RFC 7240, section 4.3); 0 without it. */
export function waitPreferenceMs(header: string | undefined): number {
  const seconds = /(?:^|[,;])[ \t]*wait[ \t]*=[ \t]*"?(\d{1,6})"?[ \t]*(?:[,;]|$)/i.exec(header ?? '')?.[1];
  return 1000 * Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS);
}
