import { createReadStream } from 'node:fs';
import type { Dissector } from './dissect.ts';

/**
 * Feeds a capture file, or standard input for `-`, to a dissector, and `between` its pieces whatever is to be done with
 * what came of them. What is whole is handed on first; then throws CaptureFault or the system's error.
 */
export async function dissectFile(file: string, dissector: Dissector, between?: () => Promise<void>): Promise<void> {
  let fault: Error | undefined;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      dissector.push(chunk as Buffer);
      await between?.();
    }
  } catch (error) {
    fault = error as Error;
  }
  try {
    dissector.end();
  } catch (error) {
    fault ??= error as Error;
  }
  if (fault !== undefined) throw fault;
}
