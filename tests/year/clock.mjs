// Preloaded into the command: shifts its clock so that the process starts at YEAR_NOW, an ISO instant.
const Real = Date;
const shift = Real.parse(process.env.YEAR_NOW) - Real.now();

globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(Real.now() + shift);
    else super(...parts);
  }

  static now() {
    return Real.now() + shift;
  }
};
