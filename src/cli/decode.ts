import { Argument, Command } from 'commander';
import { describeFrame as describeCmpp } from '../../protocols/cmpp/describe.ts';
import { describeFrame as describeSgip } from '../../protocols/sgip/describe.ts';
import { describeFrame as describeSmgp } from '../../protocols/smgp/describe.ts';
import { describeFrame as describeSmpp } from '../../protocols/smpp/describe.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { Complaint } from './complaint.ts';

const READERS: Readonly<Record<string, (frame: Buffer) => object>> = {
  smpp: (frame) => describeSmpp(frame, 0x34),
  smpp33: (frame) => describeSmpp(frame, 0x33),
  smpp50: (frame) => describeSmpp(frame, 0x50),
  cmpp2: (frame) => describeCmpp(frame, 0x20),
  cmpp21: (frame) => describeCmpp(frame, 0x21),
  cmpp3: (frame) => describeCmpp(frame, 0x30),
  sgip: describeSgip,
  smgp: (frame) => describeSmgp(frame, 0x30),
  smgp13: (frame) => describeSmgp(frame, 0x13),
};

export function decodeCommand(): Command {
  return new Command('decode')
    .description('show a frame as JSON: command, sequence, fields by the names of the specification')
    .addArgument(new Argument('<protocol>', 'protocol and version').choices(Object.keys(READERS)))
    .argument('<hex...>', 'the whole frame, header included; blanks and colons do not matter')
    .action((protocol: string, parts: string[]) => {
      const hex = parts.join('').replace(/[\s:]/g, '').replace(/^0x/i, '');
      const wrong = /[^0-9a-fA-F]/.exec(hex);
      if (wrong !== null) throw new Complaint(`hex: ${JSON.stringify(wrong[0])} is no hexadecimal digit`);
      if (hex.length % 2 !== 0) throw new Complaint(`hex: ${hex.length} digits make no whole octets`);
      try {
        process.stdout.write(`${JSON.stringify(READERS[protocol]!(Buffer.from(hex, 'hex')), undefined, 2)}\n`);
      } catch (error) {
        if (!(error instanceof WireFault)) throw error;
        throw new Complaint(`this is no ${protocol} frame: ${error.message}`);
      }
    });
}
