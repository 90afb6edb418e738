import { Command } from 'commander';
import { readConfig } from './options.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('say what is wrong with a configuration: file:line:column: key: what')
    .argument('[file]', 'configuration', 'config/yima.yaml')
    .action((file: string) => {
      const config = readConfig(file);
      const counts = (['listeners', 'accounts', 'carriers', 'routes'] as const)
        .map((list) => `${config[list].length} ${list}`)
        .join(', ');
      process.stdout.write(`${file}: well (${counts})\n`);
    });
}
