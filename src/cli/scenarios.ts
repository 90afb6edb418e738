import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { findScenario, scenarioFile, scenarioNames } from '../../simulators/scenario/library.ts';
import { Complaint } from './complaint.ts';

export function scenariosCommand(): Command {
  return new Command('scenarios')
    .description('list the scenarios that simulated carriers come with, or show one')
    .argument('[name]', 'which one to show; a file is checked and shown')
    .action((name: string | undefined) => {
      process.stdout.write(name === undefined ? list() : show(name));
    });
}

function list(): string {
  const names = scenarioNames();
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => {
    const { imitates, protocols } = findScenario(name);
    const only = protocols === undefined ? '' : ` (${protocols.join(', ')})`;
    return `${name.padEnd(width)}  ${firstSentence(imitates)}${only}\n`;
  });
  return `${lines.join('')}\nyima scenarios <name> shows one; yima simulate <protocol> --scenario <name> runs it\n`;
}

const firstSentence = (text: string): string =>
  (/^.*?[.:](?=\s|$)/s.exec(text)?.[0] ?? text).replace(/\s+/g, ' ').trim();

function show(name: string): string {
  try {
    findScenario(name);
    return readFileSync(scenarioFile(name), 'utf8');
  } catch (error) {
    throw new Complaint((error as Error).message);
  }
}
