//! What may go wrong, one file each: processes killed, paused and stopped, disks that flip bits, folders that are lost.

mod bad_chunk;
mod bad_log;
mod clean_stop;
mod cut_upload;
mod flip;
mod grow;
mod kills;
pub(crate) mod large;
pub(crate) mod load;
mod lost_catalogue;
mod lost_folder;
mod minority;
mod pause;
mod queue_servers;
mod scrub;
