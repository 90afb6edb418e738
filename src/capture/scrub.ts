import { createHmac, randomBytes } from 'node:crypto';
import { type Coding, encode } from '../../protocols/text/charset.ts';

/**
 * Texts and numbers in the place of others: of the same length and coding, with each character of its kind (a letter for
 * a letter, a digit for a digit, a Chinese character for one) and never the same, alike where the originals are alike.
 * Blanks, line ends and the brackets of a signature stay. A mobile number of mainland China stays one, with its country's
 * code and the 1 behind it: gateways refuse what is none. What is what hangs on a key that dies with the process: nobody
 * can tell the original from what is written, nor try numbers until one fits.
 */
export interface Scrubber {
  text(text: string, coding: Coding): string;
  number(number: string): string;
}

const MOBILE = /^((?:\+86|0086|86)?1)([3-9])\d{9}$/;
const KEPT = /[\s【】\p{Cf}]|[\ufe00-\ufe0f]/u;
/** What characters are taken from, besides the neighbours of the one in question. */
/** Of Latin-1, but for two signs that count as letters. */
const LATIN = Array.from({ length: 0xff - 0x20 }, (_, k) => String.fromCharCode(0x20 + k)).filter(
  (c) => !'ªº'.includes(c),
);
const GSM = [...'£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¡ÄÖÑÜ§¿äöñüà€'];
/** Of the first level of GB 2312: the common ones. */
const HAN = [
  ...'的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往',
];
const POOL = [...new Set([...LATIN, ...GSM, ...HAN])];
const KINDS = ['Lu', 'Ll', 'Lo', 'L', 'M', 'Nd', 'N', 'Ps', 'Pe', 'P', 'S', 'C'].map(
  (kind) => [kind, new RegExp(`^\\p{${kind}}$`, 'u')] as const,
);
const kindOf = (character: string): string => KINDS.find(([, pattern]) => pattern.test(character))?.[0] ?? '';
/** Points of Unicode from which a script's neighbours are taken. */
const BLOCK = 128;
const TRIES = 20;

export function createScrubber(key: Buffer = randomBytes(32)): Scrubber {
  /** What was given for what, and for whom it was given. */
  const given = new Map<string, string>();
  const owner = new Map<string, string>();
  const choices = new Map<string, readonly string[]>();

  /** Once for each original; another try where another original has it already. */
  const once = (kind: string, original: string, make: (random: () => number) => string): string => {
    const name = `${kind} ${original}`;
    const before = given.get(name);
    if (before !== undefined) return before;
    let made = '';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      made = make(randomOf(key, `${attempt} ${name}`));
      if ((owner.get(`${kind} ${made}`) ?? name) === name) break;
    }
    given.set(name, made);
    owner.set(`${kind} ${made}`, name);
    return made;
  };

  const choiceFor = (character: string, coding: Coding): readonly string[] => {
    const name = `${coding} ${kindOf(character)} ${encode(character, coding)?.length} ${blockOf(character)}`;
    let list = choices.get(name);
    if (list === undefined) {
      list = alike(character, coding);
      choices.set(name, list);
    }
    return list;
  };

  return {
    text: (text, coding) =>
      once(coding, text, (random) => {
        let out = '';
        for (const character of text) {
          out +=
            KEPT.test(character) && coding !== 'octets'
              ? character
              : another(choiceFor(character, coding), character, random);
        }
        return out;
      }),
    number: (number) =>
      once('number', number, (random) => {
        const [, shape = '', second = ''] = MOBILE.exec(number) ?? [];
        let out = shape + (second === '' ? '' : another('3456789', second, random));
        for (const character of number.slice(out.length)) {
          if (!/[\p{L}\d]/u.test(character)) out += character;
          // The first is no zero: what it would say of the rest nobody said.
          else if (/\d/.test(character)) out += another(/\d/.test(out) ? '0123456789' : '123456789', character, random);
          else out += another(choiceFor(character, 'ucs2'), character, random);
        }
        return out;
      }),
  };
}

/** One of the list that is not this one; where there is no other, a character of the same width that says nothing. */
function another(list: readonly string[] | string, not: string, random: () => number): string {
  const at = list.indexOf(not);
  const size = list.length - (at < 0 ? 0 : 1);
  if (size === 0) return not === '?' ? '!' : '?'.repeat(not.length);
  const pick = Math.floor(random() * size);
  return list[at >= 0 && pick >= at ? pick + 1 : pick]!;
}

const blockOf = (character: string): number => {
  const point = character.codePointAt(0)!;
  return point < 0x180 || (point >= 0x4e00 && point < 0xa000) ? 0 : Math.floor(point / BLOCK);
};

/** Characters of the same kind that take as many octets in this coding. */
function alike(character: string, coding: Coding): readonly string[] {
  if (coding === 'octets') return Array.from({ length: 256 }, (_, k) => String.fromCharCode(k));
  const octets = encode(character, coding)?.length;
  const fits = (c: string): boolean =>
    !KEPT.test(c) && c.length === character.length && encode(c, coding)?.length === octets;
  const kind = kindOf(character);
  const block = blockOf(character);
  const near =
    block === 0
      ? POOL
      : Array.from({ length: BLOCK }, (_, k) => block * BLOCK + k)
          .filter((point) => point < 0xd800 || point > 0xdfff)
          .map((point) => String.fromCodePoint(point));
  for (const size of [2, 1]) {
    const same = near.filter((c) => kindOf(c).slice(0, size) === kind.slice(0, size) && fits(c));
    if (same.length > 1) return same;
  }
  // A character that stands alone in its kind: others of that width will do.
  const wide = [...near, ...POOL].filter(fits);
  return wide.length > 1 ? [...new Set(wide)] : POOL.filter((c) => c.length === character.length && !KEPT.test(c));
}

/** Numbers from 0 to 1 that hang on the key and the name. */
function randomOf(key: Buffer, name: string): () => number {
  let block: Buffer = Buffer.alloc(0);
  let at = 0;
  let n = 0;
  return () => {
    if (at + 4 > block.length) {
      block = createHmac('sha256', key).update(`${n++} ${name}`).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32BE(at - 4) / 0x1_0000_0000;
  };
}
