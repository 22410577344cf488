/** Losses of a link as its users notice them: a connection that lost a packet stands still until it was sent again. */
export interface LossOptions {
  /** Share of packets that are lost. */
  packetShare: number;
  /** How long a connection then stalls: a round trip with fast retransmission, the retransmission timeout without. */
  stallMs: number;
  /** The same losses on every run. Default 1. */
  seed?: number;
}

/** Bytes of a packet's payload on Ethernet. */
const PACKET_BYTES = 1448;

/** Draws the stalls of one link. */
export class PacketLoss {
  readonly #options: LossOptions;
  #state: number;

  constructor(options: LossOptions) {
    if (!(options.packetShare >= 0 && options.packetShare < 1))
      throw new RangeError(`expected a share of lost packets from 0 to below 1, got ${options.packetShare}`);
    this.#options = options;
    this.#state = (options.seed ?? 1) | 0 || 1;
  }

  /** How long the connection that carries `bytes` stalls for them; losses in one piece are repaired together. */
  stallMs(bytes: number): number {
    const passes = (1 - this.#options.packetShare) ** Math.ceil(bytes / PACKET_BYTES);
    return this.#draw() < passes ? 0 : this.#options.stallMs;
  }

  /** xorshift32 (Marsaglia 2003): 0 to below 1. */
  #draw(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }
}
