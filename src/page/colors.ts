import { INSTALLERS, type Installer } from '../winnow/classes.ts';

/** Colours of the installers on a light and on a dark page, told apart with every kind of colour vision. */
const COLORS: Readonly<Record<Installer, readonly [light: string, dark: string]>> = {
  pip: ['#0072b2', '#56b4e9'],
  pipenv: ['#3a8fc4', '#9ed2f2'],
  pipx: ['#8a6d00', '#f0e442'],
  uv: ['#d55e00', '#f28e2b'],
  poetry: ['#00885f', '#2fc79a'],
  pdm: ['#a8508a', '#e08fc0'],
};

const rules = (scheme: 0 | 1) => INSTALLERS.map((name) => `.${name}{--of:${COLORS[name][scheme]}}`).join('');

/** The style sheet of the installers' colours: a mark or a sample of the class of an installer is of its colour. */
export const INSTALLER_STYLE = `${rules(0)}@media (prefers-color-scheme:dark){${rules(1)}}`;
