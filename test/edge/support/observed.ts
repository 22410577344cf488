import type { Stores } from '../../../src/edge/env.ts';

/** Called before and after each step that a request takes at bucket or registry; what it throws is the answer to the step. */
export type Watch = (step: string, phase: 'before' | 'after') => void | Promise<void>;

/**
 * The stores, with every step watched. A batch of D1 is one step, as it is one transaction; of reads that follow each other
 * only the first is one.
 */
export function observed(stores: Stores, watch: Watch): Stores {
  const raw = new WeakMap<object, D1PreparedStatement>();
  let reading = false;
  const around = async (step: string, work: () => unknown) => {
    const reads = /\.(get|head|list)$|SELECT$/.test(step);
    const again = reads && reading;
    reading = reads;
    if (again) return work();
    await watch(step, 'before');
    const result = await work();
    await watch(step, 'after');
    return result;
  };
  const statement = (inner: D1PreparedStatement, verb: string): D1PreparedStatement => {
    const proxy = new Proxy(inner, {
      get(target, name) {
        if (name === 'bind') return (...values: unknown[]) => statement(target.bind(...values), verb);
        const value = Reflect.get(target, name);
        return (...args: unknown[]) => around(`registry.${verb}`, () => value.apply(target, args));
      },
    });
    raw.set(proxy, inner);
    return proxy;
  };
  const { BLOBS, REGISTRY } = stores;
  return {
    BLOBS: new Proxy(BLOBS, {
      get(target, name) {
        const value = Reflect.get(target, name);
        return (...args: unknown[]) => around(`bucket.${String(name)}`, () => value.apply(target, args));
      },
    }),
    REGISTRY: new Proxy(REGISTRY, {
      get(target, name) {
        if (name === 'prepare') return (sql: string) => statement(target.prepare(sql), sql.split(' ', 1)[0]!);
        if (name !== 'batch') throw new Error(`not watched: ${String(name)}`);
        return (statements: D1PreparedStatement[]) =>
          around('registry.batch', () => target.batch(statements.map((one) => raw.get(one)!)));
      },
    }),
  };
}

/** A watch that lets a request die at step number `dieAt`: that step and all later ones fail. Counts the steps. */
export function dying(dieAt: number, phase: 'before' | 'after') {
  const watch = Object.assign(
    (step: string, at: 'before' | 'after') => {
      if (at === 'before') watch.steps.push(step);
      const index = watch.steps.length - 1;
      if (index > dieAt || (index === dieAt && (phase === 'before' || at === 'after'))) {
        throw new Error(`died at ${step}`);
      }
    },
    { steps: [] as string[] },
  );
  return watch;
}

/** A watch that runs something else, once, when step number `at` is reached. */
export function interrupting(at: number, phase: 'before' | 'after', other: () => Promise<void>) {
  let steps = 0;
  return async (_step: string, now: 'before' | 'after') => {
    if (now === 'before') steps += 1;
    if (now === phase && steps - 1 === at) await other();
  };
}
