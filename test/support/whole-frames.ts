import { expect } from 'vitest';
import { createFramer, type FrameRule } from '../../protocols/wire/frame.ts';

/** Expects a frame and the one behind it to come whole out of the framer, wherever the stream is cut in two. */
export function expectWhole(rule: FrameRule, frame: Buffer, next: Buffer): void {
  const stream = Buffer.concat([frame, next]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const frames: string[] = [];
    const framer = createFramer(rule, (chunk, start, end) => {
      frames.push(chunk.toString('hex', start, end));
      return true;
    });
    framer.push(Buffer.from(stream.subarray(0, cut)));
    framer.push(Buffer.from(stream.subarray(cut)));
    expect(frames).toEqual([frame.toString('hex'), next.toString('hex')]);
    expect(framer.partial).toBe(0);
  }
}
