"""用证副本: copies that know whom they are for, what for, until when and how often."""
