"""From bytes to 16 kHz mono samples: codecs, channels, resampling, frames."""
