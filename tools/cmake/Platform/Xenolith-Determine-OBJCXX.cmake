# The host's compiler of this language is not one for guests.
message(FATAL_ERROR "Xenolith has no Objective-C++: guests are written in C.")
