/** A timer that is set for longer rings at once (HTML standard, section 8.7: a signed 32-bit number). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Lets one loop sleep until something happens or a time has passed. Rings are kept: none between two waits is lost. */
export class Bell {
  #rang = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rang = true;
    this.#wake?.();
  }

  /** Resolves at a ring, or after `ms`, or sooner where that is more than a timer can wait; Infinity waits for the ring alone. */
  async wait(ms: number): Promise<void> {
    if (!this.#rang) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (ms !== Number.POSITIVE_INFINITY)
          timer = setTimeout(resolve, Math.min(LONGEST_TIMER_MS, Math.max(0, ms)));
      });
      clearTimeout(timer);
      this.#wake = null;
    }
    this.#rang = false;
  }
}
