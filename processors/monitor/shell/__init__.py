"""What joins the monitor's core to Kafka, HTTP and Prometheus."""
