//! Compiles the wires with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["types.proto", "task.proto", "queue.proto", "node.proto"];
    println!("cargo:rerun-if-changed=wire");
    let descriptors = protox::compile(files, ["wire"])?;
    // Every bytes field is `Bytes`: decoding then shares the receive buffer and copies nothing.
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
