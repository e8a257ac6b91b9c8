/*
 * Other names for the support routines, so that a host program can hold ours against the host's.
 * Included before anything else when libc-glue/rt is compiled for the test.
 */
#ifndef RT_RENAME_H
#define RT_RENAME_H

#define __udivmodti4 rt_test_udivmodti4
#define __udivti3 rt_test_udivti3
#define __umodti3 rt_test_umodti3
#define __divmodti4 rt_test_divmodti4
#define __divti3 rt_test_divti3
#define __modti3 rt_test_modti3
#define __cmpti2 rt_test_cmpti2
#define __ucmpti2 rt_test_ucmpti2
#define __clzsi2 rt_test_clzsi2
#define __clzdi2 rt_test_clzdi2
#define __clzti2 rt_test_clzti2
#define __ctzsi2 rt_test_ctzsi2
#define __ctzdi2 rt_test_ctzdi2
#define __ctzti2 rt_test_ctzti2
#define __ffssi2 rt_test_ffssi2
#define __ffsdi2 rt_test_ffsdi2
#define __ffsti2 rt_test_ffsti2
#define __clrsbsi2 rt_test_clrsbsi2
#define __clrsbdi2 rt_test_clrsbdi2
#define __clrsbti2 rt_test_clrsbti2
#define __popcountsi2 rt_test_popcountsi2
#define __popcountdi2 rt_test_popcountdi2
#define __popcountti2 rt_test_popcountti2
#define __paritysi2 rt_test_paritysi2
#define __paritydi2 rt_test_paritydi2
#define __parityti2 rt_test_parityti2
#define __bswapsi2 rt_test_bswapsi2
#define __bswapdi2 rt_test_bswapdi2
#define __mulosi4 rt_test_mulosi4
#define __mulodi4 rt_test_mulodi4
#define __muloti4 rt_test_muloti4
#define __powisf2 rt_test_powisf2
#define __powidf2 rt_test_powidf2
#define __powixf2 rt_test_powixf2
#define __mulsc3 rt_test_mulsc3
#define __muldc3 rt_test_muldc3
#define __mulxc3 rt_test_mulxc3
#define __divsc3 rt_test_divsc3
#define __divdc3 rt_test_divdc3
#define __divxc3 rt_test_divxc3
#define __addvsi3 rt_test_addvsi3
#define __subvsi3 rt_test_subvsi3
#define __mulvsi3 rt_test_mulvsi3
#define __negvsi2 rt_test_negvsi2
#define __absvsi2 rt_test_absvsi2
#define __addvdi3 rt_test_addvdi3
#define __subvdi3 rt_test_subvdi3
#define __mulvdi3 rt_test_mulvdi3
#define __negvdi2 rt_test_negvdi2
#define __absvdi2 rt_test_absvdi2
#define __addvti3 rt_test_addvti3
#define __subvti3 rt_test_subvti3
#define __mulvti3 rt_test_mulvti3
#define __negvti2 rt_test_negvti2
#define __absvti2 rt_test_absvti2
#define __fixsfti rt_test_fixsfti
#define __fixunssfti rt_test_fixunssfti
#define __fixsfdi rt_test_fixsfdi
#define __fixunssfdi rt_test_fixunssfdi
#define __fixunssfsi rt_test_fixunssfsi
#define __floattisf rt_test_floattisf
#define __floatuntisf rt_test_floatuntisf
#define __floatdisf rt_test_floatdisf
#define __floatundisf rt_test_floatundisf
#define __fixdfti rt_test_fixdfti
#define __fixunsdfti rt_test_fixunsdfti
#define __fixdfdi rt_test_fixdfdi
#define __fixunsdfdi rt_test_fixunsdfdi
#define __fixunsdfsi rt_test_fixunsdfsi
#define __floattidf rt_test_floattidf
#define __floatuntidf rt_test_floatuntidf
#define __floatdidf rt_test_floatdidf
#define __floatundidf rt_test_floatundidf
#define __fixxfti rt_test_fixxfti
#define __fixunsxfti rt_test_fixunsxfti
#define __fixxfdi rt_test_fixxfdi
#define __fixunsxfdi rt_test_fixunsxfdi
#define __fixunsxfsi rt_test_fixunsxfsi
#define __floattixf rt_test_floattixf
#define __floatuntixf rt_test_floatuntixf
#define __floatdixf rt_test_floatdixf
#define __floatundixf rt_test_floatundixf

#endif
