import { SaxesParser } from 'saxes';

/**
 * The elements of an XML text, in order of their start tags.
 *
 * @throws Error if it is not well-formed.
 */
export function parseXml(text: string): { name: string; attributes: Record<string, string> }[] {
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    elements.push({ name, attributes: { ...attributes } });
  });
  parser.write(text).close();
  return elements;
}
