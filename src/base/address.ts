/** Octets of an IPv4 (4) or IPv6 (16) address in text, or undefined. An IPv4-mapped IPv6 address is given as IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    // No leading zeros: some readers take them for octal.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[i]!) || Number(parts[i]) > 255) return undefined;
    octets[i] = Number(parts[i]);
  }
  return octets;
}

/** RFC 4291, 2.2: eight words, one run of zero words as `::`, the last two words as IPv4 if wanted. No zone. */
function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const front = words(halves[0]!, halves.length === 1);
  const back = halves.length === 2 ? words(halves[1]!, true) : [];
  if (front === undefined || back === undefined) return undefined;
  const gap = 8 - front.length - back.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  const octets = new Uint8Array(16);
  const all = [...front, ...new Array<number>(gap).fill(0), ...back];
  for (let i = 0; i < 8; i++) {
    octets[2 * i] = all[i]! >>> 8;
    octets[2 * i + 1] = all[i]!;
  }
  const mapped = all.slice(0, 5).every((w) => w === 0) && all[5] === 0xffff;
  return mapped ? octets.slice(12) : octets;
}

function words(text: string, mayEndAsV4: boolean): number[] | undefined {
  if (text === '') return [];
  const list: number[] = [];
  const parts = text.split(':');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (part.includes('.')) {
      const v4 = mayEndAsV4 && i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      list.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      list.push(Number.parseInt(part, 16));
    }
  }
  return list;
}

/** A test for addresses and networks (`192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`). Throws RangeError on what is neither. */
export function createAddressTest(networks: readonly string[]): (address: string) => boolean {
  const rows = networks.map((network) => {
    const [text = '', bits, ...more] = network.split('/');
    const octets = parseAddress(text);
    const most = (octets?.length ?? 0) * 8;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (octets === undefined || more.length > 0 || prefix < 0 || prefix > most) {
      throw new RangeError(`${JSON.stringify(network)} is neither an address nor a network such as 10.0.0.0/8`);
    }
    return { octets, prefix };
  });
  return (address) => {
    const octets = parseAddress(address);
    return octets !== undefined && rows.some((row) => within(octets, row.octets, row.prefix));
  };
}

function within(octets: Uint8Array, network: Uint8Array, prefix: number): boolean {
  if (octets.length !== network.length) return false;
  for (let i = 0, left = prefix; left > 0; i++, left -= 8) {
    const mask = left >= 8 ? 0xff : 0xff << (8 - left);
    if (((octets[i]! ^ network[i]!) & mask) !== 0) return false;
  }
  return true;
}
