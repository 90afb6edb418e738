/** One direction of a TCP connection put back in order. */
export interface TcpStream {
  /** A segment with its octets, of which `cut` more were sent but not captured. */
  segment(at: number, sequence: number, syn: boolean, octets: Buffer, cut: number): void;
  /** The other side has all octets before `sequence`: what we miss of them will not come any more. */
  acknowledged(at: number, sequence: number): void;
  /** No more will come: hands on what waits behind holes. */
  end(): void;
  readonly repeated: number;
}

export interface TcpStreamEvents {
  /** Octets in their order; a view or a copy, valid during the call. */
  onOctets(at: number, octets: Buffer): void;
  /** So many octets were not captured. */
  onGap(at: number, missing: number): void;
  /** The capture began after the connection did: the first octets may stand anywhere in a frame. */
  onMidstream(): void;
}

interface Piece {
  readonly position: number;
  readonly octets: Buffer;
  readonly cut: number;
  readonly at: number;
}

/** How long a hole may wait for its octets, in microseconds of the capture, and how much may wait behind it. */
const ACKNOWLEDGED_WAIT = 200_000;
const WAIT = 30_000_000;
const WAIT_OCTETS = 1 << 20;
/** Further away than any window: another connection on the same ports. */
const FAR = 1 << 30;

export function createTcpStream(events: TcpStreamEvents): TcpStream {
  /** Position of the next octet, counted from the first; its sequence number. */
  let next = 0;
  let nextSequence = -1;
  let acked = -1;
  const waiting: Piece[] = [];
  let waitingOctets = 0;
  let repeated = 0;

  const deliver = (piece: Piece): void => {
    const have = next - piece.position;
    const length = piece.octets.length + piece.cut;
    if (have >= length) {
      if (length > 0) repeated++;
      return;
    }
    const fresh = have > 0 ? piece.octets.subarray(have) : piece.octets;
    const cut = have > piece.octets.length ? length - have : piece.cut;
    if (fresh.length > 0) events.onOctets(piece.at, fresh);
    if (cut > 0) events.onGap(piece.at, cut);
    next += fresh.length + cut;
    nextSequence = (nextSequence + fresh.length + cut) >>> 0;
  };

  const drain = (): void => {
    while (waiting.length > 0 && waiting[0]!.position <= next) {
      const piece = waiting.shift()!;
      waitingOctets -= piece.octets.length;
      deliver(piece);
    }
  };

  /** Takes the octets before what waits for lost. */
  const skip = (at: number): void => {
    const missing = waiting[0]!.position - next;
    next += missing;
    nextSequence = (nextSequence + missing) >>> 0;
    events.onGap(at, missing);
    drain();
  };

  const judge = (at: number): void => {
    while (waiting.length > 0) {
      const age = at - waiting[0]!.at;
      const given = acked > next ? age > ACKNOWLEDGED_WAIT : age > WAIT;
      if (!given && waitingOctets <= WAIT_OCTETS) return;
      skip(at);
    }
  };

  const flush = (): void => {
    while (waiting.length > 0) skip(waiting[0]!.at);
  };

  return {
    segment(at, sequence, syn, octets, cut) {
      const first = syn ? (sequence + 1) >>> 0 : sequence;
      if (nextSequence < 0) {
        // An octet may be told again as a sign of life; the first segment with content begins the stream.
        if (!syn && octets.length + cut === 0) return;
        nextSequence = first;
        if (!syn) events.onMidstream();
      }
      let distance = (first - nextSequence) | 0;
      if (distance > FAR || distance < -FAR) {
        flush();
        events.onMidstream();
        nextSequence = first;
        acked = -1;
        distance = 0;
      }
      if (octets.length + cut === 0) {
        judge(at);
        return;
      }
      const piece = { position: next + distance, octets, cut, at };
      if (distance <= 0) {
        deliver(piece);
        drain();
      } else {
        let k = waiting.length;
        while (k > 0 && waiting[k - 1]!.position > piece.position) k--;
        // The packet's octets are gone when the next is read.
        waiting.splice(k, 0, { ...piece, octets: Buffer.from(octets) });
        waitingOctets += octets.length;
      }
      judge(at);
    },
    acknowledged(at, sequence) {
      if (nextSequence < 0) return;
      acked = Math.max(acked, next + ((sequence - nextSequence) | 0));
      judge(at);
    },
    end: flush,
    get repeated() {
      return repeated;
    },
  };
}
