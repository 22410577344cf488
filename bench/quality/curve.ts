/** One setting of a codec: what it costs and what it does. */
export interface RatePoint {
  bitsPerValue: number;
  /** Nats per token. */
  kld: number;
}

/** The points that no cheaper one beats, by rising rate and falling damage. */
export function frontier<P extends RatePoint>(points: readonly P[]): P[] {
  const kept: P[] = [];
  for (const point of points.toSorted((a, b) => a.bitsPerValue - b.bitsPerValue || a.kld - b.kld)) {
    if (point.kld > 0 && point.kld < (kept.at(-1)?.kld ?? Number.POSITIVE_INFINITY)) kept.push(point);
  }
  return kept;
}

/** Bits per value at which a curve reaches `kld`: linear between its points, both axes logarithmic. Null outside of them. */
export function bitsAtKld(points: readonly RatePoint[], kld: number): number | null {
  const kept = frontier(points);
  const after = kept.findIndex((point) => point.kld <= kld);
  const to = kept[after];
  if (to === undefined) return null;
  if (to.kld === kld) return to.bitsPerValue;
  const from = kept[after - 1];
  if (from === undefined) return null;
  const share = Math.log(kld / from.kld) / Math.log(to.kld / from.kld);
  return from.bitsPerValue * (to.bitsPerValue / from.bitsPerValue) ** share;
}

/** How many times smaller one curve is than another, at equal damage. */
export interface Ratio {
  /** Smallest ratio at any damage that both curves reach; null if there is none. */
  min: number | null;
  /** The damages that both curves reach, least first. */
  commonKld: [least: number, most: number] | null;
  at: Record<string, number | null>;
}

/** Bits of `theirs` over bits of `ours` wherever both are defined. Between points both are straight, so the least is at a point. */
export function ratioAtEqualKld(
  ours: readonly RatePoint[],
  theirs: readonly RatePoint[],
  klds: readonly string[],
): Ratio {
  const ratio = (kld: number) => {
    const [own, other] = [bitsAtKld(ours, kld), bitsAtKld(theirs, kld)];
    return own === null || other === null ? null : other / own;
  };
  const corners = [...frontier(ours), ...frontier(theirs)].map(({ kld }) => kld);
  const common = corners.filter((kld) => ratio(kld) !== null);
  const ratios = common.map((kld) => ratio(kld) as number);
  return {
    min: ratios.length === 0 ? null : Math.min(...ratios),
    commonKld: common.length === 0 ? null : [Math.min(...common), Math.max(...common)],
    at: Object.fromEntries(klds.map((kld) => [kld, ratio(Number(kld))])),
  };
}
