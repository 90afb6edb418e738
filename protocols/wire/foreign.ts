const beginnings: readonly (readonly [string, string])[] = [
  ['TLS', '\x16\x03'],
  ['PROXY protocol 1', 'PROXY '],
  ['PROXY protocol 2', '\r\n\r\n\0\r\nQUIT\n'],
  ['SSH', 'SSH-'],
  ['HTTP', 'GET '],
  ['HTTP', 'HEAD'],
  ['HTTP', 'POST'],
  ['HTTP', 'PUT '],
  ['HTTP', 'OPTIONS'],
  ['HTTP', 'CONNECT'],
  ['HTTP', 'HTTP'],
];

/**
 * Which other protocol these first octets of a connection are, or undefined. For when the framer refuses their length:
 * such a peer is told nothing, and the log can say what it was (a port scan, TLS to a plain port, a balancer that sends
 * PROXY to a listener that is not set up for it).
 */
export function foreignProtocol(octets: Buffer): string | undefined {
  const head = octets.toString('latin1', 0, 12);
  return beginnings.find(([, beginning]) => head.startsWith(beginning.slice(0, 12)))?.[0];
}
