//! What may go wrong, one file each: processes killed, paused and stopped, disks that flip bits, folders that are lost.

mod kills;
mod load;
