import type { Coding } from '../protocols/text/charset.ts';
import { createDraws, type Draws } from './draws.ts';
import type { LoadText } from './load-options.ts';

/** Texts of a kind, so many characters (UTF-16 units) long, by weight. `texts`: those of the user, as they are. */
export interface MixPart {
  readonly kind: 'ascii' | 'gsm7' | 'gbk' | 'ucs2' | 'emoji' | 'texts';
  readonly least: number;
  readonly most: number;
  readonly weight: number;
}

/** The coding that a kind asks for; emoji go in whatever holds them, which is UCS-2. */
const CODING: Readonly<Record<Exclude<MixPart['kind'], 'texts'>, Coding>> = {
  ascii: 'ascii',
  gsm7: 'gsm7',
  gbk: 'gbk',
  ucs2: 'ucs2',
  emoji: 'ucs2',
};

const words = (text: string): string[] => [...text];

/** What generated texts are made of. GSM 03.38 has characters of two septets, which no part may cut: some of them too. */
const LETTERS: Readonly<Record<Exclude<MixPart['kind'], 'texts'>, readonly string[]>> = {
  ascii: words('etaoin shrdlu etaoin cmfwyp vbgkjq xz ETAOIN 0123456789 .,:;-!?/'),
  gsm7: words('etaoin shrdlu cmfwyp vbgkjqxz 0123456789 .,!?@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ€[]{}~\\|^'),
  gbk: words(
    '的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严【】，。！',
  ),
  ucs2: words('привет мир สวัสดีครับ שלום עולם مرحبا بالعالم 안녕하세요 こんにちは 您的验证码是'),
  emoji: ['😀', '🎉', '🚚', '👍🏽', '👨‍👩‍👧', '🇨🇳', '好', '的', '您', '已', '到', '，', ' ', 'ok'],
};

/**
 * Reads `gsm7:20-160=5,ucs2:70=3,gbk:20-300=2,emoji:10=1,texts=4`: kind, characters, weight (1). Throws RangeError that
 * names the part.
 */
export function parseMix(text: string): MixPart[] {
  return text.split(',').map((part) => {
    const found = /^(ascii|gsm7|gbk|ucs2|emoji|texts)(?::(\d+)(?:-(\d+))?)?(?:=(\d+(?:\.\d+)?))?$/.exec(part.trim());
    const [, kind, least, most = least, weight = '1'] = found ?? [];
    const mix = { kind: kind as MixPart['kind'], least: Number(least), most: Number(most), weight: Number(weight) };
    const sized =
      kind === 'texts' ? least === undefined : mix.least >= 1 && mix.most >= mix.least && mix.most <= 10_000;
    if (found === null || !sized || !(mix.weight > 0)) {
      throw new RangeError(
        `mix: ${JSON.stringify(part)} is no part; give kind:characters=weight, such as gsm7:20-160=5 or ucs2:70, of ascii, gsm7, gbk, ucs2, emoji (1 to 10000 characters), or texts=weight`,
      );
    }
    return mix;
  });
}

/** So many texts, each drawn by the weights; the same for the same seed. `texts`: those of the user, taken in turn. */
export function createMix(
  parts: readonly MixPart[],
  texts: readonly string[],
  size: number,
  seed: number,
): (string | LoadText)[] {
  const sum = parts.reduce((n, part) => n + part.weight, 0);
  if (parts.some((part) => part.kind === 'texts') && texts.length === 0) {
    throw new RangeError('mix: there are no texts; give some, or leave the part texts out');
  }
  const kinds = createDraws(seed, 'kind');
  const lengths = createDraws(seed, 'length');
  let turn = 0;
  return Array.from({ length: size }, (_, k) => {
    const { kind, least, most } = drawn(parts, kinds(k) * sum);
    if (kind === 'texts') return texts[turn++ % texts.length]!;
    const length = least + Math.floor(lengths(k) * (most - least + 1));
    return { text: written(LETTERS[kind], length, createDraws(seed, `${kind} ${k}`)), coding: CODING[kind] };
  });
}

function drawn(parts: readonly MixPart[], at: number): MixPart {
  let bound = 0;
  for (const part of parts) {
    bound += part.weight;
    if (at < bound) return part;
  }
  return parts[parts.length - 1]!;
}

/** No character is cut in two: where the next is too long for what is left, a space takes the place. */
function written(letters: readonly string[], length: number, draws: Draws): string {
  let text = '';
  for (let k = 0; text.length < length; k++) {
    const letter = letters[Math.floor(draws(k) * letters.length)]!;
    text += text.length + letter.length <= length ? letter : ' ';
  }
  return text;
}
