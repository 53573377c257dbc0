       IDENTIFICATION DIVISION.
       PROGRAM-ID. INTEREST.
      * Prints what savings grow to, year by year.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  BALANCE     PIC 9(7)V99 VALUE 1000.00.
       01  RATE        PIC 9V999   VALUE 0.050.
       01  YEAR-NUMBER PIC 9       VALUE 0.
       01  SHOWN       PIC Z(6)9.99.
       PROCEDURE DIVISION.
           PERFORM VARYING YEAR-NUMBER FROM 1 BY 1
               UNTIL YEAR-NUMBER > 3
               COMPUTE BALANCE ROUNDED = BALANCE * (1 + RATE)
               MOVE BALANCE TO SHOWN
               DISPLAY "Year " YEAR-NUMBER ": " FUNCTION TRIM(SHOWN)
           END-PERFORM
           STOP RUN.
