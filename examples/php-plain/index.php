<?php
header('Content-Type: text/plain');
echo "Hello from ", getenv('APP_NAME'), " PHP\n";
