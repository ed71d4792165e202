import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { html, Markup } from '../src/markup.ts';

it('html escapes values, joins lists, drops undefined and false, and keeps markup', () => {
  const inner = html`<b>${'<&"\'>'}</b>`;
  expect(inner.text).toBe('<b>&lt;&amp;&quot;&#39;&gt;</b>');
  expect(html`<p>${[inner, undefined, false, ['x', 7]]}</p>`.text).toBe(`<p>${inner.text}x7</p>`);
  expect(html`${new Markup('<br>')}`.text).toBe('<br>');
});

it('html replaces control characters, which HTML does not allow', () => {
  expect(html`${'a\u0000b\u001bc\u0085d\n\te'}`.text).toBe('a\ufffdb\ufffdc\ufffdd\n\te');
});

it('html shows any text as that text, in an element and in an attribute', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
      const { document } = parseHTML(html`<html><body><p title="${text}">${text}</p></body></html>`.text);
      expect(document.querySelectorAll('body *')).toHaveLength(1);
      expect(document.querySelector('p')?.textContent).toBe(text);
      expect(document.querySelector('p')?.getAttribute('title')).toBe(text);
    }),
  );
});
