import { Command } from 'commander';
import { formatProblem, loadConfig } from '../config/load.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('say what is wrong with a configuration: file:line:column: key: what')
    .argument('[file]', 'configuration', 'config/yima.yaml')
    .action((file: string) => {
      const { config, problems } = loadConfig(file);
      if (config === undefined) {
        // As compilers write them, so that editors find the place.
        for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
        process.exitCode = 1;
        return;
      }
      const counts = (['listeners', 'accounts', 'carriers', 'routes'] as const)
        .map((list) => `${config[list].length} ${list}`)
        .join(', ');
      process.stdout.write(`${file}: well (${counts})\n`);
    });
}
