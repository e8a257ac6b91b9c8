# The host's compiler of this language is not one for guests.
message(FATAL_ERROR "Xenolith has no Fortran: guests are written in C.")
