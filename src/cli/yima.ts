#!/usr/bin/env -S node --max-semi-space-size=4 --no-parallel-scavenge
import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { Complaint } from './complaint.ts';
import { conformCommand } from './conform.ts';
import { carriersCommand, receiptsCommand, reloadCommand, unmatchedCommand } from './control.ts';
import { decodeCommand } from './decode.ts';
import { explainCommand } from './explain.ts';
import { hashCommand } from './hash.ts';
import { labCommand } from './lab.ts';
import { loadCommand } from './load.ts';
import { scenarioFromCommand } from './scenario-from.ts';
import { scenariosCommand } from './scenarios.ts';
import { sendCommand } from './send.ts';
import { simulateCommand } from './simulate.ts';
import { captureCommand, traceCommand } from './trace.ts';
import { verdictCommand } from './verdict.ts';

function serveCommand(): Command {
  return new Command('serve')
    .description('run the gateway')
    .option('--config <file>', 'configuration (default: config/yima.yaml)')
    .option('--demo', 'with the demo configuration and the simulated carriers in it')
    .option('--ready-json', 'print one line of JSON with the ports when everything listens')
    .action(async (options: { config?: string; demo?: true; readyJson?: true }) => {
      if (options.demo === true && options.config !== undefined) {
        throw new Complaint('--demo has a configuration of its own; give either --demo or --config');
      }
      // The gateway is most of the program: the other commands start without it.
      const { serve } = await import('./run.ts');
      await serve({
        ...(options.config === undefined ? {} : { config: options.config }),
        demo: options.demo === true,
        readyJson: options.readyJson === true,
      });
    });
}

const program = new Command('yima')
  .description('carrier protocol gateway for short messages')
  .version(version())
  // What follows a command is its own: several have a --version that is a protocol's.
  .enablePositionalOptions()
  .showHelpAfterError('(yima --help shows all commands and options)')
  .addCommand(serveCommand())
  .addCommand(checkCommand())
  .addCommand(explainCommand())
  .addCommand(sendCommand())
  .addCommand(loadCommand())
  .addCommand(simulateCommand())
  .addCommand(scenariosCommand())
  .addCommand(conformCommand())
  .addCommand(labCommand())
  .addCommand(verdictCommand())
  .addCommand(carriersCommand())
  .addCommand(unmatchedCommand())
  .addCommand(receiptsCommand())
  .addCommand(reloadCommand())
  .addCommand(traceCommand())
  .addCommand(captureCommand())
  .addCommand(decodeCommand())
  .addCommand(scenarioFromCommand())
  .addCommand(hashCommand());

/** Of the package around this file, built or not. */
function version(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href) return 'unknown';
    folder = above;
  }
  return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

program.parseAsync().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`yima: ${message}\n`);
  if (!(error instanceof Complaint) && process.env.YIMA_TRACE !== undefined) {
    process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  }
  process.exitCode = error instanceof Complaint ? error.exitCode : 1;
});
