document.title = "Hello, World!";
