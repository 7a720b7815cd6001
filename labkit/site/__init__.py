"""The labs as a website that anybody can host: pages from the committed notebooks, sliders that move without a kernel."""
