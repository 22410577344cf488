import { useEffect, useState } from 'preact/hooks';

export interface Loaded<T> {
  value: T | null;
  /** Why there is no newer value; null if the last attempt worked. */
  error: string | null;
}

/** Loads anew whenever a dependency changes; an answer that is no longer asked for is ignored. */
export function useLoaded<T>(load: () => Promise<T>, dependencies: readonly unknown[]): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: null, error: null });
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => wanted && setLoaded({ value, error: null }),
      (error) => wanted && setLoaded(({ value }) => ({ value, error: messageOf(error) })),
    );
    return () => {
      wanted = false;
    };
  }, [...dependencies]);
  return loaded;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
