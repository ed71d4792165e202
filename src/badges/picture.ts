import { makeBadge } from 'badge-maker';
import { remember } from '../remember.ts';
import type { EndpointBadge } from './endpoint.ts';

/** What of a badge can be seen. */
type Visible = Pick<EndpointBadge, 'label' | 'message' | 'color' | 'labelColor' | 'logoSvg' | 'style'>;

function draw({ label, message, color, labelColor, logoSvg, style }: Visible): string {
  return makeBadge({
    label,
    message,
    color,
    ...(labelColor === undefined ? {} : { labelColor }),
    ...(style === undefined ? {} : { style }),
    ...(logoSvg === undefined
      ? {}
      : { logoBase64: `data:image/svg+xml;base64,${Buffer.from(logoSvg).toString('base64')}` }),
  });
}

const DIGIT = /\d/g;

/** A picture, cut at the places where a digit of the message stands. */
type Stencil = readonly string[];

/**
 * Draws a badge without its digits. In the fonts by which the library measures a text, Verdana and Helvetica, all
 * digits are equally wide, so that pictures of figures with as many of them differ in the digits alone. Where they
 * stand is seen by drawing two such figures.
 */
function stencilOf(badge: Visible): Stencil {
  const filledWith = (digit: string) => draw({ ...badge, message: badge.message.replaceAll(DIGIT, digit) });
  const [zeros, nines] = [filledWith('0'), filledWith('9')];
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < zeros.length; at += 1) {
    if (zeros.charCodeAt(at) === nines.charCodeAt(at)) continue;
    parts.push(zeros.slice(from, at));
    from = at + 1;
  }
  return [...parts, zeros.slice(from)];
}

/** How many stencils are kept, of a kilobyte each. Labels, colours and lengths of figures make a hundred in most lists. */
const STENCILS_MAX = 1_000;

const rememberedStencil = remember(STENCILS_MAX, (badge: Visible) => JSON.stringify(badge), stencilOf);

/**
 * A badge as an SVG, as shields.io's own library draws it. That takes a tenth of a millisecond, and a run draws
 * eleven for each package and window, so only the digits are filled in anew. Logos by name are shields.io's alone.
 */
export function drawBadge(badge: Visible): string {
  const digits = badge.message.match(DIGIT) ?? [];
  const stencil = rememberedStencil({ ...badge, message: badge.message.replaceAll(DIGIT, '0') });
  let svg = stencil[0] ?? '';
  // The message stands in several places, each time with all of its digits.
  for (let hole = 1; hole < stencil.length; hole += 1)
    svg += digits[(hole - 1) % digits.length] + (stencil[hole] ?? '');
  return svg;
}
