// Debian puts Dragonbox under a directory of its version; its own headers look for each other without it.
#include <dragonbox-1.1.3/dragonbox/dragonbox.h>
