"""What people are told: a daily digest and immediate alerts, by mail and webhook."""
