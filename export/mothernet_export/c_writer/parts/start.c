/* {made_by} */

#include "{header_name}"

#include <math.h> /* for NAN and HUGE_VAL; no function of it */
#include <stddef.h>
#include <stdint.h>

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "missing cells are NaN: compile this file without -ffast-math and -ffinite-math-only"
#endif

