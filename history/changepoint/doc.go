// Package changepoint finds where the level of a series changes for good: in
// either direction, with the size of the change and the probability of one as
// clear by chance.
//
// It is E-divisive (Matteson and James 2014, "A nonparametric approach for
// multiple change point analysis of multivariate data", JASA 109) as Hunter, now
// Apache Otava, made it serve performance tests (Fleming, Kołaczkowski, Kumar,
// Das, McCarthy, Pattabhiraman and Ingo 2023, "Hunter: Using change point
// detection to hunt for performance regressions", ICPE): over windows that
// overlap, with a t-test in place of permutations, first at a weak level, then
// with weak change points taken away until each that is left holds at the strong
// one. What differs from Hunter, and why:
//
//   - the p value is corrected for the places where the change could have been
//     found, since the place was chosen by the same values (Bonferroni);
//   - a change must also be no mere change of noise: Welch's test, which does not
//     share the variance between the two sides, has to agree at 5%;
//   - a level has a least number of values, so that one odd night is no change;
//   - windows and statistic look the same from both ends.
//
// It knows numbers alone, neither their unit nor when they were measured. One
// invariant: values that are multiplied by a constant give the same change points,
// and values in reverse give them in reverse (ties between equally good places
// aside).
package changepoint
