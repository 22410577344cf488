const PREFIX = '#context=';

/** The context that a fragment names, so that a view can be linked to; null if it names none. */
export function selectedContext(hash: string): string | null {
  const id = hash.startsWith(PREFIX) ? hash.slice(PREFIX.length) : '';
  return /^[0-9a-f]{64}$/.test(id) ? id : null;
}

export function contextHash(id: string): string {
  return PREFIX + id;
}
