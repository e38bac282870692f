/**
 * What is made of each of a few things, made once and kept: for routes, statements of the application
 * and the like. Not for what comes from outside, since nothing is ever forgotten.
 */
export function remembered<Of, Made>(make: (of: Of) => Made): (of: Of) => Made {
  const known = new Map<Of, Made>();
  return (of) => {
    let made = known.get(of);
    if (made === undefined) {
      made = make(of);
      known.set(of, made);
    }
    return made;
  };
}
