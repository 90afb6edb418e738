import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { formatProblem, loadConfig } from '../config/load.ts';
import { type Address, type Config, parseAddress, parseDuration } from '../config/schema.ts';
import { Complaint } from './complaint.ts';

// What options of several commands are read with.

/** A whole number, 0 or more. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('give a whole number');
  return Number(text);
}

/** From 1 to 65535. */
export function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('give a port from 1 to 65535');
  return port;
}

/** `host:port`, as the configuration writes it. */
export function address(text: string): Address {
  const found = parseAddress(text);
  if (found === undefined) throw new InvalidArgumentError('give host:port, such as 127.0.0.1:8801');
  return found;
}

/** `500ms`, `30s`, `5m` in ms. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('give a duration such as 500ms, 30s or 5m');
  return ms;
}

/** Milliseconds: `20`, or `5-50` for anything between. */
export function delay(text: string): number | { min: number; max: number } {
  const [min, max] = text.split('-').map(wholeNumber);
  return max === undefined ? min! : { min: min!, max };
}

/** JSON, or `@file` with JSON in it. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

export const collect = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

/** The configuration in `file`, or a complaint with all that is wrong in it. */
export function readConfig(file: string): Config {
  const { config, problems } = loadConfig(file);
  if (config !== undefined) return config;
  throw new Complaint(problems.map(formatProblem).join('\n'));
}

/** Lines of a text file that are not empty. */
export function readLines(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Complaint(`cannot read the texts in ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === 0) throw new Complaint(`there is no text in ${file}; put one a line`);
  return lines;
}
