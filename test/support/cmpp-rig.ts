import { afterEach } from 'vitest';
import type { Node } from '../../src/cli/serve.ts';
import {
  connectSp,
  DELIVER,
  deliverBody,
  frame,
  type Ismg,
  loginSp,
  reportBody,
  type Sp,
  type SpOptions,
  startIsmg,
} from './cmpp-peers.ts';
import type { Setup } from './node.ts';
import { carrierUp, useRig } from './rig.ts';

export type CmppSetup = Partial<Setup> & {
  /** More keys of the platform's account, as YAML flow. */
  readonly sp?: string;
  /** More keys of the CMPP carrier. */
  readonly carrier?: string;
  /** Version octet of the CMPP carrier. */
  readonly version?: number;
};

export interface World {
  readonly node: Node;
  readonly ismg: Ismg;
  readonly port: number;
}

const ACCOUNT =
  'name: sp, protocol: cmpp, systemId: "900001", password: { demo: secret }, route: main, mo: ["1069000"]';

/** A node with a CMPP listener and a CMPP account, as keys for the loader. */
export const cmppSetup = ({
  sp,
  carrier: _carrier,
  version: _version,
  ...setup
}: CmppSetup & Pick<Setup, 'carriers'>) => ({
  listeners: ['name: cmpp, protocol: cmpp, listen: "127.0.0.1:0"'],
  ...setup,
  accounts: [sp === undefined ? ACCOUNT : `${ACCOUNT}, ${sp}`, ...(setup.accounts ?? [])],
});

export const cmppPort = (node: Node): number => node.listeners.get('cmpp')!.address.port;

/** Service providers, raw CMPP carriers and nodes between them that end with the test. */
export function useCmpp() {
  const rig = useRig();
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const world = {
    rig,
    async carrier(version = 0x20): Promise<Ismg> {
      const ismg = await startIsmg(version);
      closers.push(() => ismg.stop());
      return ismg;
    },
    /** A node whose platforms reach one raw CMPP carrier. */
    async start(setup: CmppSetup = {}): Promise<World> {
      const version = setup.version ?? 0x20;
      const ismg = await world.carrier(version);
      const more = setup.carrier === undefined ? {} : { more: setup.carrier };
      const mobile = { name: 'mobile', protocol: 'cmpp', port: ismg.port, ...more } as const;
      const node = await rig.node(
        cmppSetup({ carriers: [{ ...mobile, version: version >= 0x30 ? '3.0' : '2.0' }], ...setup }),
      );
      await carrierUp(node, 'mobile');
      return { node, ismg, port: cmppPort(node) };
    },
    async login(port: number, options?: SpOptions): Promise<Sp> {
      const sp = await loginSp(port, options);
      closers.push(() => sp.socket.destroy());
      return sp;
    },
    /** Connects without a login. */
    async open(port: number): Promise<Sp> {
      const sp = await connectSp(port);
      closers.push(() => sp.socket.destroy());
      return sp;
    },
  };
  return world;
}

/** A carrier that reports this Stat of everything, at once behind its answer. */
export function reporting(ismg: Ismg, v3 = false, stat = 'DELIVRD'): void {
  ismg.onSubmit = (id, sequence, f) => [
    ismg.accept(id, sequence),
    ...f.to.map((to, i) => {
      const own = Buffer.from(id);
      own.writeUInt16BE(own.readUInt16BE(6) + i, 6);
      const body = deliverBody({ report: 1, content: reportBody(own, stat, to, v3 ? 32 : 21), from: to }, v3);
      return frame(DELIVER, 90_000 + own.readUInt16BE(6), body);
    }),
  ];
}
